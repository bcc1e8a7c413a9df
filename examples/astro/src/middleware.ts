import { getActionContext } from "astro:actions";
import { defineMiddleware, sequence } from "astro:middleware";
import { CACHE_CONTROL } from "$shop/rules.ts";
import { sessions } from "./sessions.ts";

const keepNoPage = defineMiddleware(async (_context, next) => {
  const response = await next();
  response.headers.set("cache-control", CACHE_CONTROL);
  return response;
});

/** A form is answered by a redirect, so that nobody sends it again by reloading. Its action says where to. */
const redirectAfterPost = defineMiddleware(async (context, next) => {
  const { action, serializeActionResult, setActionResult } = getActionContext(context);
  if (action?.calledFrom !== "form") return await next();
  const result = await action.handler();
  if (result.error === undefined) return context.redirect(String(result.data), 303);
  setActionResult(action.name, serializeActionResult(result));
  return await next();
});

export const onRequest = sequence(sessions.onRequest, keepNoPage, redirectAfterPost);
