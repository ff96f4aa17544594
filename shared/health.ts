/** Ray's threshold: so many health checks in a row have failed, and a replica is unhealthy. */
export const UNHEALTHY_AFTER = 3
