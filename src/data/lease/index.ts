/** Leases with a time to live, for keys of maps. */
export { LEASES_MAX, Leases, type LeaseView, type RemoveKeys } from "./leases.ts";
