import { Form, Link } from "react-router";

export function Header({ user }: { readonly user: string | null }) {
  return (
    <header>
      <Link className="name" to="/">
        <svg viewBox="0 0 48 48" aria-hidden="true">
          <path d="M24 14v26M24 14a4 4 0 1 0-.1-8 4 4 0 0 0 .1 8ZM16 20h16M8 28c1 8 8 12 16 12s15-4 16-12" />
        </svg>
        The Chandlery
      </Link>
      <nav>{user === null ? <Link to="/sign-in">Sign in</Link> : <SignedIn user={user} />}</nav>
    </header>
  );
}

function SignedIn({ user }: { readonly user: string }) {
  return (
    <>
      <span>
        Aboard as <strong>{user}</strong>
      </span>
      <Link to="/devices">Your devices</Link>
      <Form method="post" action="/sign-out">
        <button className="link">Sign out</button>
      </Form>
    </>
  );
}
