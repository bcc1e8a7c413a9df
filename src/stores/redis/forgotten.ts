/**
 * Rejects what is under way when its connection is lost, for ioredis with `autoResendUnfulfilledCommands: false`: it forgets
 * that, and never settles it, so that each would keep its place on the connection for ever.
 */
export class Forgotten {
  readonly #underWay = new Set<(error: Error) => void>();

  watched(reply: Promise<unknown>): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#underWay.add(reject);
      const settled = (): void => void this.#underWay.delete(reject);
      reply.then(resolve, reject).then(settled, settled);
    });
  }

  readonly reject = (): void => {
    const error = new Error("The connection to Redis was lost before the command was answered.");
    for (const reject of this.#underWay) reject(error);
    this.#underWay.clear();
  };
}
