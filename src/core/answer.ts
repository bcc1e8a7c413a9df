/** What is there at once, or has to be waited for. */
export type Answer<T> = T | Promise<T>;

/**
 * Work that waits only where something is not there yet: a generator that yields the promises it waits for, by {@link waited}, and is
 * carried out by {@link carriedOut}. An async function takes a turn of the event loop at each `await`, whatever it awaits.
 */
export type Steps<T> = Generator<Promise<unknown>, T, unknown>;

/** Inside of {@link Steps}, what `await` is in an async function: `const found = yield* waited(read())`. */
export function* waited<T>(answer: Answer<T>): Steps<T> {
  return answer instanceof Promise ? ((yield answer) as T) : answer;
}

/** Inside of {@link Steps}, what may fail without harm. */
export function* orNothing<T>(answer: Answer<T>): Steps<T | undefined> {
  try {
    return yield* waited(answer);
  } catch {
    return undefined;
  }
}

/** Carries work out: at once as far as that goes. What it throws rejects. */
export function carriedOut<T>(steps: Steps<T>): Answer<T> {
  return atOnce(() => {
    const step = steps.next();
    return step.done === true ? step.value : followed(steps, step.value);
  });
}

async function followed<T>(steps: Steps<T>, first: Promise<unknown>): Promise<T> {
  let step: IteratorResult<Promise<unknown>, T> = { done: false, value: first };
  while (step.done !== true) {
    let value: unknown;
    try {
      value = await step.value;
    } catch (error) {
      step = steps.throw(error);
      continue;
    }
    step = steps.next(value);
  }
  return step.value;
}

/** Goes on with an answer, in the same turn where it is there. What `next` throws rejects. */
export function upon<T, U>(answer: Answer<T>, next: (value: T) => Answer<U>): Answer<U> {
  if (answer instanceof Promise) return answer.then(next);
  try {
    return next(answer);
  } catch (error) {
    return Promise.reject(error);
  }
}

/** Does something now. What it throws rejects. */
export function atOnce<T>(work: () => Answer<T>): Answer<T> {
  try {
    return work();
  } catch (error) {
    return Promise.reject(error);
  }
}
