import { postgres } from "./support/deployments.ts";
import { EVERYWHERE, FORGOTTEN } from "./support/outages.ts";
import { outages } from "./support/suite.ts";

outages(postgres(["pg-pool", "postgres.js"]), EVERYWHERE);
outages(postgres(["pg-pool"]), FORGOTTEN);
