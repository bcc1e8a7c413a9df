import type { Ref } from "vue";

/**
 * What a page shows, from one of the server's own routes. While the server renders that is a call in the process, and a
 * part of the same request: it has the same session.
 */
export async function usePage<T>(route: string): Promise<Ref<T>> {
  const { data, error } = await useFetch<T>(route, { key: route });
  if (error.value) throw createError({ ...error.value, fatal: true });
  return data as Ref<T>;
}
