export default defineCachedEventHandler(
  (event) => ({ colour: event.context["session"].data.colour ?? null }),
  {
    maxAge: 60,
  },
);
