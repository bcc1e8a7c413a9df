import { handle } from "../shared";

/** Every path of the adapter contract, by every method. */
export const loader = (args: Parameters<typeof handle>[1]) => handle("contract", args);
export const action = (args: Parameters<typeof handle>[1]) => handle("contract", args);
