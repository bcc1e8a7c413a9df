import { browseShop } from "./support/browse-shop.ts";

browseShop("examples/koa/server.ts");
