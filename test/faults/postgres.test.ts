import { pgbouncer, postgres } from "./support/deployments.ts";
import { EVERYWHERE, FORGOTTEN, OF_POOLERS, OF_POSTGRES } from "./support/outages.ts";
import { outages } from "./support/suite.ts";

outages(postgres(["pg-pool"]), { ...EVERYWHERE, ...FORGOTTEN, ...OF_POSTGRES });
// postgres.js does not notice that a connection is silent: the system does, after a quarter of an hour.
outages(postgres(["postgres.js"]), { ...EVERYWHERE, ...OF_POSTGRES });
outages(pgbouncer(["pg-pool"]), { ...EVERYWHERE, ...OF_POOLERS });
