import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { DrpcModule, SrvMethod } from "../../drpc/methods.ts";
import { CheckInconsistAction as Action, CheckReportSchema } from "../../gen/chk/chk_pb.ts";
import {
  CheckDeregPoolReqSchema,
  CheckDeregPoolRespSchema,
  CheckListPoolReqSchema,
  CheckListPoolRespSchema,
  CheckRegPoolReqSchema,
  CheckRegPoolRespSchema,
  CheckReportReqSchema,
  CheckReportRespSchema,
} from "../../gen/srv/srv_pb.ts";
import type { Finding, MsPool } from "./check-findings.ts";
import { DerError } from "./der.ts";
import { encodeLikeEngine } from "./encode.ts";
import type { Upcalls } from "./upcall.ts";

/** What the checker asks of the management service, and tells it. All throw the status it answers. */
export interface CheckUpcalls {
  listPools(): Promise<MsPool[]>;
  register(
    seq: number,
    uuid: string,
    service: { readonly label: string; readonly replicas: readonly number[] },
  ): Promise<void>;
  deregister(seq: number, uuid: string): Promise<void>;
  report(seq: number, finding: Finding, action: Action, result: number): Promise<void>;
}

/** As C's ctime() writes it, newline and all. */
function ctime(now: Date): string {
  const [weekday, month, day, year, time] = now.toString().split(" ");
  return `${weekday} ${month} ${String(Number(day)).padStart(2)} ${time} ${year}\n`;
}

export function createCheckUpcalls(upcalls: Upcalls): CheckUpcalls {
  const upcall = (method: number, body: Uint8Array) => upcalls.call(DrpcModule.SRV, method, body);
  const check = (status: number, what: string) => {
    if (status !== 0) throw new DerError(status, what);
  };
  return {
    async listPools() {
      const body = toBinary(CheckListPoolReqSchema, create(CheckListPoolReqSchema));
      const answer = fromBinary(CheckListPoolRespSchema, await upcall(SrvMethod.CHK_LIST_POOL, body));
      check(answer.status, "list of pools");
      return answer.pools.map((p) => ({ uuid: p.uuid.toLowerCase(), label: p.label, replicas: p.svcreps }));
    },
    async register(seq, uuid, { label, replicas }) {
      const request = { seq: BigInt(seq), uuid, label, svcreps: [...replicas] };
      const body = encodeLikeEngine(CheckRegPoolReqSchema, create(CheckRegPoolReqSchema, request));
      const answer = fromBinary(CheckRegPoolRespSchema, await upcall(SrvMethod.CHK_REG_POOL, body));
      check(answer.status, `registration of pool ${uuid}`);
    },
    async deregister(seq, uuid) {
      const request = create(CheckDeregPoolReqSchema, { seq: BigInt(seq), uuid });
      const body = toBinary(CheckDeregPoolReqSchema, request);
      const answer = fromBinary(CheckDeregPoolRespSchema, await upcall(SrvMethod.CHK_DEREG_POOL, body));
      check(answer.status, `removal of pool ${uuid}`);
    },
    async report(seq, finding, action, result) {
      const asks = action === Action.CIA_INTERACT;
      const report = create(CheckReportSchema, {
        seq: BigInt(seq),
        class: finding.cls,
        action,
        result,
        rank: finding.rank,
        poolUuid: finding.uuid,
        poolLabel: finding.label,
        timestamp: ctime(new Date()),
        msg: finding.message,
        actChoices: asks ? finding.choices.map((c) => c.action) : [],
        actDetails: asks ? finding.choices.map((c) => c.text) : [],
      });
      const body = encodeLikeEngine(CheckReportReqSchema, create(CheckReportReqSchema, { report }));
      const answer = fromBinary(CheckReportRespSchema, await upcall(SrvMethod.CHK_REPORT, body));
      check(answer.status, `report ${seq}`);
    },
  };
}
