/**
 * For `fetch` between processes of ours: Bun asks the proxy of the environment for the own host too, unless this says no. Its
 * types do not know the value.
 */
export const NO_PROXY = { proxy: false } as unknown as { readonly proxy: string };
