import { SessionManager } from "holdfast";
import { reactRouterSessions, reactRouterSessionStorage } from "holdfast/adapters/react-router";
import { memoryStore } from "holdfast/stores/memory";

export interface Data {
  userId: string;
  cart: string[];
}

export interface Flash {
  error: string;
}

export const manager = new SessionManager<Data>({ store: memoryStore() });

export const sessions = reactRouterSessions(manager, {
  only: ({ request }) => !new URL(request.url).pathname.startsWith("/health"),
});

export const { getSession, commitSession, destroySession } = reactRouterSessionStorage<Data, Flash>(manager);
