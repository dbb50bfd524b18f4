#!/usr/bin/env bash
# Builds, lists, removes and verifies plugins.
#   build_plugins.sh all            every plugin under plugins/ becomes plugins/libNAME.js
#   build_plugins.sh NAME…          only these
#   build_plugins.sh list           names of the plugins
#   build_plugins.sh clean          removes the built files
#   build_plugins.sh verify FILE    loads a plugin and checks its definition
set -euo pipefail

caller=$PWD
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

usage() {
  sed -n '2,7s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
}

find_bun() {
  local candidate
  # npm may have skipped bun's install step; its program works all the same
  for candidate in "$root"/node_modules/{.bin/bun,bun/bin/bun.exe,@oven/*/bin/bun} "$(command -v bun || true)"; do
    if [[ -n "$candidate" ]] && "$candidate" --version >/dev/null 2>&1; then
      printf '%s\n' "$candidate"
      return
    fi
  done
  echo "build_plugins.sh: found no bun; run npm install in $root" >&2
  return 1
}

verify() {
  local file=$1 executable="$root/bin/distributed_system"
  [[ "$file" == /* ]] || file="$caller/$file"
  if [[ ! -f "$file" ]]; then
    echo "build_plugins.sh: no file $file" >&2
    return 66
  fi
  if [[ -x "$executable" ]]; then
    exec "$executable" plugin verify "$file"
  fi
  exec "$(find_bun)" "$root/scripts/build/plugins.ts" verify "$file"
}

case "${1:-}" in
  "" | -h | --help)
    usage
    [[ -n "${1:-}" ]] || exit 64
    ;;
  verify)
    if [[ $# -ne 2 ]]; then
      usage >&2
      exit 64
    fi
    verify "$2"
    ;;
  *)
    bun=$(find_bun)
    cd "$root"
    exec "$bun" scripts/build/plugins.ts "$@"
    ;;
esac
