import { browseShop } from "./support/browse-shop.ts";

// The same pages, by a framework that has Node's response and by one that returns a Response. The others that are
// served without a build of their own send the same bytes, which the walk by HTTP compares; they come with a long run.
const SHOPS = ["shop", "hono"];
const FURTHER = ["express", "fastify", "koa"];

const isLongRun = process.env["HOLDFAST_SOAK"] !== undefined;
for (const name of isLongRun ? [...SHOPS, ...FURTHER] : SHOPS) browseShop(`examples/${name}/server.ts`);
