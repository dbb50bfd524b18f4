/** Leases with a time to live, for keys of maps. */
export { LEASES_MAX, type LeasePorts, Leases, type LeaseView } from "./leases.ts";
