import { type Handle, sequence } from "@sveltejs/kit/hooks";
import { sessions } from "#lib/server/sessions.ts";
import { CACHE_CONTROL } from "$shop/rules.ts";

const keepNoPage: Handle = async ({ event, resolve }) => {
  const response = await resolve(event);
  response.headers.set("cache-control", CACHE_CONTROL);
  return response;
};

export const handle = sequence(sessions.handle, keepNoPage);
export const handleError = sessions.handleError();
