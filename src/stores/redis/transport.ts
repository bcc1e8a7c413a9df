import { SessionError } from "../../core/errors.ts";
import type { Call } from "../../core/store.ts";
import { Lane } from "./lane.ts";
import { checkInTime, isLate, pause, tooLate } from "./late.ts";
import type { Listening, Route, Router } from "./router.ts";

const PATIENCE_MS = 5000;
const LOOK_AGAIN_MS = 10;
const SEEK_AGAIN_MS = 200;

/**
 * The one way to the engine, whichever client and topology. A client queues what it cannot send at once and sends it
 * however late; so what cannot be sent at once waits here, and is never sent when its call aborts first.
 */
export class Transport {
  readonly #router: Router;
  readonly #lanes = new WeakMap<object, Lane>();
  #closed = false;
  #underWay = 0;
  #idle: () => void = () => {};

  constructor(router: Router) {
    this.#router = router;
  }

  /** Whether the client knows the slots of a cluster. */
  get cluster(): boolean {
    return this.#router.cluster;
  }

  /** Whether the client may send a command again by itself without {@link losses} telling. */
  get resends(): boolean {
    return this.#router.resends;
  }

  /** Whether {@link sendBoth} leaves the connection to others meanwhile. */
  get sharesConnection(): boolean {
    return this.#router.sharesConnection;
  }

  /** Grows whenever the client may have sent again what was under way. */
  get losses(): number {
    return this.#router.losses();
  }

  /** Sends one command to the primary that serves the key. Rejects with what the client rejects with. */
  send(key: string, command: readonly string[], call: Call): Promise<unknown> {
    if (isLate(call)) return Promise.reject(tooLate(call));
    const lane = this.#laneAtOnce(key);
    return lane === undefined
      ? this.#laneInTime(key, call).then((found) => this.#sendBy(found.lane, key, command, call))
      : this.#sendBy(lane, key, command, call);
  }

  #sendBy(lane: Lane, key: string, command: readonly string[], call: Call): Promise<unknown> {
    this.#underWay += 1;
    const settled = (): void => this.#left(lane);
    try {
      return this.#router.send(key, command, call, settled);
    } catch (error) {
      settled();
      return Promise.reject(error);
    }
  }

  /**
   * Sends a command and another behind it on the same connection: the second is answered for the first, or neither is.
   * Knows no redirections: they reject.
   */
  async sendBoth(
    key: string,
    commands: readonly [readonly string[], readonly string[]],
    call: Call,
  ): Promise<readonly unknown[]> {
    checkInTime(call);
    const { lane, connection } = await this.#laneInTime(key, call);
    this.#underWay += 1;
    try {
      return await this.#router.sendOn(connection, commands);
    } catch (error) {
      this.#router.seek(key);
      throw error;
    } finally {
      this.#left(lane);
    }
  }

  /** Sends one command to every primary. */
  async sendToAll(command: readonly string[], call: Call): Promise<readonly unknown[]> {
    checkInTime(call);
    (await this.#laneInTime("", call)).lane.leave();
    const connections = await this.#router.primaries();
    const replies = await Promise.all(
      connections.map((connection) => this.#router.sendOn(connection, [command])),
    );
    return replies.flat(1);
  }

  /**
   * Ends the wait of those that could not be sent yet: they reject. Resolves when those under way are answered, or after a
   * while: some clients never settle what is under way when they are ended.
   */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#underWay > 0) await this.#settled();
    this.#router.close();
  }

  #left(lane: Lane): void {
    lane.leave();
    this.#underWay -= 1;
    if (this.#underWay === 0) this.#idle();
  }

  #settled(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, PATIENCE_MS);
      this.#idle = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  listen(channel: string, heard: (message: string) => void): Listening {
    return this.#router.listen(channel, heard);
  }

  /** Hears which keys are changed; absent where one connection cannot hear of all. */
  get track(): Router["track"] {
    return this.#router.track;
  }

  /** A place on the connection for the key, where there is one at this moment. */
  #laneAtOnce(key: string): Lane | undefined {
    const route = this.#router.route(key);
    if (route === undefined || !route.isReady) return undefined;
    const lane = this.#laneOf(route);
    return lane.enterUnlessSilent() ? lane : undefined;
  }

  async #laneInTime(key: string, call: Call): Promise<{ lane: Lane; connection: object }> {
    for (let waited = 0; !this.#closed; waited += LOOK_AGAIN_MS) {
      const route = this.#router.route(key);
      const lane = route?.isReady === true ? this.#laneOf(route) : undefined;
      if (lane !== undefined && route !== undefined && !lane.isSilent) {
        await lane.enter(call);
        if (this.#router.route(key)?.connection === route.connection) {
          return { lane, connection: route.connection };
        }
        // The slot moved to another connection meanwhile.
        lane.leave();
      } else {
        if (waited % SEEK_AGAIN_MS === 0) this.#router.seek(key);
        await pause(LOOK_AGAIN_MS, call);
      }
    }
    throw new SessionError("ERR_SESSION_USE", "This Redis store was closed before the call could be sent.");
  }

  #laneOf({ connection }: Route): Lane {
    let lane = this.#lanes.get(connection);
    if (lane === undefined) this.#lanes.set(connection, (lane = new Lane()));
    return lane;
  }
}
