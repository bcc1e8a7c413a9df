import { mysql } from "./support/deployments.ts";
import { EVERYWHERE, FORGOTTEN, LOCKS, READ_ONLY } from "./support/outages.ts";
import { outages } from "./support/suite.ts";

outages(mysql("mysql", ["mysql2", "mariadb"]), { ...EVERYWHERE, ...FORGOTTEN, ...LOCKS, ...READ_ONLY });
outages(mysql("mariadb", ["mariadb", "mysql2 with callbacks"]), { ...EVERYWHERE, ...LOCKS });
