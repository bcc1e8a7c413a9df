import { browseShop } from "./support/browse-shop.ts";

browseShop("examples/fastify/server.ts");
