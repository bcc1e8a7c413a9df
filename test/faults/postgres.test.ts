import { pgbouncer, postgres } from "./support/deployments.ts";
import { CUTTING, EVERYWHERE, FORGOTTEN, LEAVING, OF_POOLERS, OF_POSTGRES } from "./support/outages.ts";
import { outages } from "./support/suite.ts";

outages(postgres(["pg-pool"]), { ...EVERYWHERE, ...FORGOTTEN, ...OF_POSTGRES });
outages(postgres(["postgres.js"]), { ...LEAVING, ...OF_POSTGRES });
// A connection of postgres.js 3.4 that is lost while something waits to be written to it never writes again.
outages(postgres(["postgres.js"]), CUTTING, { recovers: false });
outages(pgbouncer(["pg-pool"]), { ...EVERYWHERE, ...OF_POOLERS });
