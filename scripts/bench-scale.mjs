/**
 * `npm run bench:scale -- redis postgres`: loads a million sessions into each engine named and measures them; `--quick` twenty
 * thousand. Engines: memory, directory, sqlite, lmdb, redis, redis-packed, valkey, redis-cluster, postgres, mariadb, mysql.
 */
import { prepareServers } from "./servers.mjs";
import { prepare, run } from "./toolchain.mjs";

const environment = prepare();
prepareServers(environment);
process.exitCode = run("node", ["bench/scale/main.ts", ...process.argv.slice(2)], environment);
