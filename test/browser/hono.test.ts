import { browseShop } from "./support/browse-shop.ts";

browseShop("examples/hono/server.ts");
