import type { Handle, HandleServerError } from "@sveltejs/kit";
import { siteOf } from "./site";

export const handle: Handle = (input) => siteOf(input.event).handle(input as never);

export const handleError = ((input) => siteOf(input.event).handleError(input)) as HandleServerError;
