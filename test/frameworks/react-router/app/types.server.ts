import type { HandleErrorFunction, MiddlewareFunction, SessionStorage } from "react-router";
import {
  commitSession,
  type Data,
  destroySession,
  type Flash,
  getSession,
  sessions,
} from "./sessions.server";

/** What the adapter gives fits where the framework's own types are asked for. */
export const storage: SessionStorage<Data, Flash> = { getSession, commitSession, destroySession };
export const shared: SessionStorage<Data> = sessions.storage;
export const middleware: MiddlewareFunction<Response>[] = [sessions.middleware];
export const handleError: HandleErrorFunction = (error, args) => sessions.failed(error, args);
