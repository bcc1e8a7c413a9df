import { browseShop } from "./support/browse-shop.ts";

browseShop("examples/shop/server.ts");
