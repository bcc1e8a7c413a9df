import { NextResponse } from "next/server";
import { application, others, sessions } from "../../lib/sessions.js";

function whole({ status = 200, headers = [], body }) {
  return new Response(body ?? null, { status, headers });
}

function streamed({ status = 200, headers = [] }, pieces) {
  const iterator = pieces[Symbol.asyncIterator]();
  const encoder = new TextEncoder();
  // No piece is made before the one before it was taken, so what a piece does happens after the headers.
  const body = new ReadableStream(
    {
      async pull(controller) {
        const { done, value } = await iterator.next();
        if (done === true) controller.close();
        else controller.enqueue(encoder.encode(value));
      },
    },
    { highWaterMark: 0 },
  );
  return new Response(body, { status, headers });
}

const WAYS = {
  "NextResponse.json": (text) => NextResponse.json(text),
  "the result of fetch()": (text) => fetch(`data:text/plain,${text}`),
  "a clone": (text) => new Response(text).clone(),
  "a Blob": (text) => new Response(new Blob([text])),
  "a pipe": (text) =>
    new Response(
      new Blob([text]).stream().pipeThrough(new TextDecoderStream()).pipeThrough(new TextEncoderStream()),
    ),
};

function contextOf(request, session) {
  const { searchParams } = new URL(request.url);
  return {
    session,
    of: (which = "first") => (which === "second" ? others() : sessions()).of(request),
    query: (name) => searchParams.get(name),
    send: whole,
    redirect: (location) => NextResponse.redirect(new URL(location, request.url), 302),
    stream: streamed,
    throwAnswer(answer) {
      throw whole(answer);
    },
    answerBy: (way, text) => WAYS[way](text),
  };
}

/** What an application of Next's has around its route handlers where it wants error pages of its own. */
async function handle(request) {
  const first = sessions();
  const handler = first.route(async (request, session) => {
    const route = application().routes[new URL(request.url).pathname];
    if (route === undefined) return new Response("no such route", { status: 404 });
    return await route(contextOf(request, session));
  });
  const outer = others()?.route((request) => handler(request)) ?? handler;
  try {
    return await outer(request);
  } catch (thrown) {
    const { status, shownAs } = thrown ?? {};
    const shown = [status, shownAs].find((one) => typeof one === "number") ?? 500;
    return first.carry(request, new Response("Something went wrong.", { status: shown }));
  }
}

export {
  handle as DELETE,
  handle as GET,
  handle as HEAD,
  handle as OPTIONS,
  handle as PATCH,
  handle as POST,
  handle as PUT,
};
