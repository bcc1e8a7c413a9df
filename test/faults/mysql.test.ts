import { mysql } from "./support/deployments.ts";
import { EVERYWHERE, FORGOTTEN, OF_MYSQL } from "./support/outages.ts";
import { outages } from "./support/suite.ts";

outages(mysql("mysql", ["mysql2", "mariadb"]), { ...EVERYWHERE, ...FORGOTTEN });
outages(mysql("mariadb", ["mariadb", "mysql2 with callbacks"]), { ...EVERYWHERE, ...OF_MYSQL });
