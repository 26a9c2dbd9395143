// Keeps an audit log until it is killed: node audit-child.ts FILE. Says `ready` once it has it.
import { AuditLog } from '../../src/machine/audit/log.ts';

const log = AuditLog.open(process.argv[2]!);
process.stdout.write('ready\n');
for (;;) log.record({ what: 'drop', pid: 1, program: 'p', detail: {} });
