export const load = async ({ fetch }) => ({ answer: await (await fetch("/inner?from=universal")).text() });
