export { SessionError, type SessionErrorCode } from "./core/errors.ts";
