import type { NodeRedisClient } from "./clients.ts";

/**
 * Keeps node-redis from writing in the turn in which its connection was lost. Version 5 would write what it has scheduled into
 * the dead socket, wait for the answers, and take for them what the next connection answers to others: its own pings and what the application
 * sends are enough to shift all answers by one, or to keep it from being ready again. What waits stays for the next connection.
 */
export function holdForThisTurn(client: NodeRedisClient): void {
  if (client.isReady || client._pause === undefined) return;
  client._pause();
  const go = (): void => {
    client.off("connect", go);
    client._unpause?.();
  };
  // Where the next connection stands within this turn, it must be able to introduce itself.
  client.on("connect", go);
  setImmediate(go);
}
