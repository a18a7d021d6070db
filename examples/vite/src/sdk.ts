// sdk.ts
import snsWebSdk from "@sumsub/websdk";

export function openSdk(token: string, renew: () => Promise<string>): Promise<void> {
  return new Promise((resolve, reject) => {
    const submitted = () => {
      sdk.destroy();
      resolve();
    };
    const refused = (error: unknown) => {
      sdk.destroy();
      reject(error);
      throw error;
    };
    const sdk = snsWebSdk
      .init(token, () => renew().catch(refused))
      .withConf({ lang: "en" })
      .on("idCheck.onApplicantSubmitted", submitted)
      .on("idCheck.onApplicantResubmitted", submitted)
      .build();
    sdk.launch("#sdk");
  });
}
