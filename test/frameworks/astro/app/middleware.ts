import { defineMiddleware } from "astro:middleware";
import { siteOf } from "./site";

export const onRequest = defineMiddleware((context, next) => siteOf(context).onRequest(context, next));
