import { handle } from "../shared";

export const loader = (args: Parameters<typeof handle>[1]) => handle("resource loader", args);
export const action = (args: Parameters<typeof handle>[1]) => handle("resource action", args);
