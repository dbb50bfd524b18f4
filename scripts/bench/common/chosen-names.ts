/** `--only A,B`: the names that were chosen, all of them when nothing was. Throws on one that is not known. */
export function chosenNames<Name extends string>(text: string | undefined, names: readonly Name[]): readonly Name[] {
  if (text === undefined) return names;
  return text.split(",").map((word) => {
    const found = names.find((each) => each === word);
    if (!found) throw new Error(`--only has ${JSON.stringify(word)}; ${names.join(", ")} are allowed`);
    return found;
  });
}
