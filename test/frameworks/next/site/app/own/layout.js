import { sessions } from "../../lib/sessions.js";

export async function generateMetadata() {
  const session = await sessions().read();
  return { title: `Title for ${session.user ?? "nobody"}` };
}

export default async function Layout({ children }) {
  const session = await sessions().read();
  return (
    <html lang="en">
      <body>
        <header>{`Layout for ${session.user ?? "nobody"}`}</header>
        {children}
      </body>
    </html>
  );
}
