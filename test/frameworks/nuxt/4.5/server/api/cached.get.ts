export default defineCachedEventHandler((event) => ({ colour: sessions.of(event).data.colour ?? null }), {
  maxAge: 60,
});
