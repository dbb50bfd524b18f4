/** What a version of a service is (semver.org, item 2 and 9 to 10), the same for definitions, for nodes and for calls. */

/** Major, minor, patch; the pre-release, where there is one. Bounded: versions are parts of keys and listings. */
export const VERSION_FORM =
  /^(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})(?:-([0-9A-Za-z.-]{1,64}))?(?:\+[0-9A-Za-z.-]{1,64})?$/;
