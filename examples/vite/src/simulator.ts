// simulator.ts
/** Stands in for the SDK where nobody can show documents: submits at once, for the user of the token behind the # of the address. */
export async function openSdk(): Promise<void> {
  const [, claims = ""] = location.hash.split(".");
  const { sub } = JSON.parse(atob(claims.replaceAll("-", "+").replaceAll("_", "/")));
  await fetch(`http://127.0.0.1:3001/simulator/applicants/${sub}/submit`, { method: "POST", mode: "no-cors" });
}
