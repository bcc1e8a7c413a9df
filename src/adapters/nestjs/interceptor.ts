import { Observable } from "rxjs";
import { asException } from "./errors.ts";
import { type ExecutionContextLike, type Outcomes, requestIn } from "./context.ts";

/** Sees what handlers throw and return, before Nest's exception filters do and before anything is answered. */
export class SessionsInterceptor {
  readonly #outcomes: Outcomes;

  constructor(outcomes: Outcomes) {
    this.#outcomes = outcomes;
  }

  intercept(context: ExecutionContextLike, next: { handle(): Observable<unknown> }): Observable<unknown> {
    const request = requestIn(context);
    const handled = next.handle();
    if (request === undefined) return handled;
    return new Observable((subscriber) => {
      let last: unknown;
      const fail = (error: unknown): void => {
        this.#outcomes.threw(request, error);
        subscriber.error(asException(error));
      };
      const subscription = handled.subscribe({
        next: (value) => {
          last = value;
          subscriber.next(value);
        },
        error: fail,
        complete: () => {
          const work = this.#outcomes.returned(request, last, context);
          if (work === undefined) subscriber.complete();
          else work.then(() => subscriber.complete(), fail);
        },
      });
      return () => subscription.unsubscribe();
    });
  }
}
