/** What the front page shows. */
export default defineEventHandler((event) => {
  const { data } = event.context.session;
  return { frame: readFrame(event), cart: data.cart ?? {}, hits: data.hits ?? 0 };
});
