// A plugin of QEMU 7 that counts the instructions that a program executes. README.md tells how it is
// built and used. The program must run in one thread at a time (GOMAXPROCS=1).
//
// The declarations are those of QEMU's plugin API, version 1, as far as they are needed.
#include <inttypes.h>
#include <stdio.h>

struct qemu_plugin_tb;
typedef void (*translated)(uint64_t id, struct qemu_plugin_tb *tb);
typedef void (*ended)(uint64_t id, void *data);
void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, translated cb);
void qemu_plugin_register_atexit_cb(uint64_t id, ended cb, void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *tb, int op, void *counter,
	uint64_t n);

int qemu_plugin_version = 1;

static uint64_t executed;

// count has QEMU add the number of a block's instructions whenever it is executed.
static void count(uint64_t id, struct qemu_plugin_tb *tb)
{
	enum { add_u64 };
	qemu_plugin_register_vcpu_tb_exec_inline(tb, add_u64, &executed, qemu_plugin_tb_n_insns(tb));
}

static void show(uint64_t id, void *data) { fprintf(stderr, "%" PRIu64 " instructions\n", executed); }

int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
	qemu_plugin_register_vcpu_tb_trans_cb(id, count);
	qemu_plugin_register_atexit_cb(id, show, NULL);
	return 0;
}
