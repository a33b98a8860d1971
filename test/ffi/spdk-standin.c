/*
 * Stands in for SPDK's libraries in tests: the functions that daosctl calls, with SPDK's own struct layouts,
 * calling back synchronously as SPDK does. A drive is a file in the folder STANDIN_DIR:
 *   <address>           its first namespace, of the file's size
 *   <address>.status    optional: NVMe status (type << 8 | code) that its commands end with
 * STANDIN_DO: segv, hang or garbage: what spdk_nvme_probe does; no-env: spdk_env_init fails.
 * The layouts below are written from the NVMe specification and SPDK's documentation; the test compares them
 * with SPDK's headers where those are installed.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct spdk_pci_addr {
  uint32_t domain;
  uint8_t bus, dev, func;
};
struct spdk_env_opts {
  const char *name, *core_mask;
  int shm_id, mem_channel, main_core, mem_size;
  bool no_pci, hugepage_single_segments, unlink_hugepage;
  size_t num_pci_addr;
  const char *hugedir;
  struct spdk_pci_addr *pci_blocked, *pci_allowed;
  const char *iova_mode;
  uint64_t base_virtaddr;
  void *env_context;
};
struct spdk_nvme_transport_id {
  char trstring[33];
  int trtype, adrfam;
  char traddr[257], trsvcid[33], subnqn[224];
  int priority;
};
struct spdk_nvme_cpl {
  uint32_t cdw0, cdw1;
  uint16_t sqhd, sqid, cid, status;
};
typedef void (*completion)(void *, const struct spdk_nvme_cpl *);

struct ctrlr {
  char address[64];
  char path[512];
  uint8_t data[4096];
  bool used, vmd;
  int led;
};
struct pending {
  completion done;
  void *arg;
  uint16_t status;
};

static struct ctrlr ctrlrs[64];
static struct pending queue[64];
static int queued;
static bool vmd_on;
static char allowed[64][32];
static int allowed_count;

static bool told(const char *what) {
  const char *text = getenv("STANDIN_DO");
  return text && !strcmp(text, what);
}

static int push(struct ctrlr *c, completion done, void *arg) {
  char file[600];
  int status = 0;
  snprintf(file, sizeof file, "%s.status", c->path);
  FILE *in = fopen(file, "r");
  if (in) {
    if (fscanf(in, "%i", &status) != 1) status = 0;
    fclose(in);
  }
  queue[queued++] = (struct pending){done, arg, (uint16_t)(status << 1)};
  return 0;
}
static int flush(void) {
  int n = queued;
  queued = 0;
  for (int i = 0; i < n; i++) {
    struct spdk_nvme_cpl cpl = {.status = queue[i].status};
    queue[i].done(queue[i].arg, &cpl);
  }
  return n;
}

void spdk_log_set_print_level(int level) { (void)level; }
void spdk_env_opts_init(struct spdk_env_opts *opts) {
  memset(opts, 0, sizeof *opts);
  opts->mem_size = -1;
}
int spdk_env_init(const struct spdk_env_opts *opts) {
  if (told("no-env")) return -EINVAL;
  if (!opts->iova_mode || !opts->env_context || !opts->name) return -EFAULT;
  for (size_t i = 0; i < opts->num_pci_addr && i < 64; i++) {
    const struct spdk_pci_addr *a = &opts->pci_allowed[i];
    snprintf(allowed[allowed_count++], 32, "%04x:%02x:%02x.%x", a->domain, a->bus, a->dev, a->func);
  }
  if (strstr(opts->env_context, "--no-huge")) { /* DPDK's heap then */
    int fd = memfd_create("nohuge", 0);
    if (fd < 0 || ftruncate(fd, 8 << 20)) return -ENOMEM;
    mmap(NULL, 8 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  }
  fprintf(stderr, "EAL: options \"%s\" iova %s mem %d\n", (char *)opts->env_context, opts->iova_mode, opts->mem_size);
  return 0;
}
void spdk_env_fini(void) {}
int spdk_mem_register(void *at, size_t size) {
  (void)at, (void)size;
  return 0;
}
void *spdk_dma_zmalloc(size_t size, size_t align, uint64_t *physical) {
  (void)physical;
  void *memory = aligned_alloc(align, (size + align - 1) / align * align);
  memset(memory, 0, size);
  return memory;
}
void spdk_dma_free(void *memory) { free(memory); }

static void identify(struct ctrlr *c, int n) {
  uint8_t *d = c->data;
  memset(d, 0, sizeof c->data);
  d[0] = 0x86, d[1] = 0x80; /* Intel */
  char serial[21], model[41];
  snprintf(serial, sizeof serial, "%-20s", "PHLJ0000");
  serial[7] = '0' + n % 10;
  snprintf(model, sizeof model, "%-40s", "STAND-IN SSD");
  memcpy(d + 4, serial, 20);
  memcpy(d + 24, model, 40);
  memcpy(d + 64, "VDV10170", 8);
  uint32_t version = 0x00010400;
  memcpy(d + 80, &version, 4);
  d[256] = 0x06; /* format, firmware */
  d[262] = 63;   /* error log entries */
  uint64_t capacity = 1u << 20;
  memcpy(d + 280, &capacity, 8);
}

static bool is_allowed(const struct ctrlr *c) {
  if (!allowed_count) return true;
  for (int i = 0; i < allowed_count; i++) {
    unsigned bus, dev, func;
    char domain[16];
    if (!strcmp(allowed[i], c->address)) return true;
    if (!vmd_on || sscanf(allowed[i], "0000:%x:%x.%x", &bus, &dev, &func) != 3) continue;
    snprintf(domain, sizeof domain, "%04x:", bus << 16 | dev << 8 | func);
    if (!strncmp(domain, c->address, strlen(domain))) return true;
  }
  return false;
}

typedef bool (*probe_fn)(void *, const struct spdk_nvme_transport_id *, void *);
typedef void (*attach_fn)(void *, const struct spdk_nvme_transport_id *, struct ctrlr *, const void *);
int spdk_nvme_probe(const void *trid, void *context, probe_fn probe, attach_fn attach, void *removed) {
  (void)trid, (void)removed;
  if (told("segv")) *(volatile int *)8 = 1;
  if (told("hang")) pause();
  if (told("garbage")) printf("EAL: usage: {\"ok\":true}\n");
  const char *folder = getenv("STANDIN_DIR");
  DIR *dir = folder ? opendir(folder) : NULL;
  int n = 0;
  for (struct dirent *e; dir && (e = readdir(dir)) && n < 64;) {
    unsigned domain, bus, dev, func;
    char rest;
    if (sscanf(e->d_name, "%x:%x:%x.%x%c", &domain, &bus, &dev, &func, &rest) != 4) continue;
    struct ctrlr *c = &ctrlrs[n];
    memset(c, 0, sizeof *c);
    snprintf(c->address, sizeof c->address, "%.60s", e->d_name);
    snprintf(c->path, sizeof c->path, "%s/%s", folder, e->d_name);
    c->vmd = domain > 0xffff;
    if ((c->vmd && !vmd_on) || !is_allowed(c)) continue;
    identify(c, n++);
    struct spdk_nvme_transport_id id = {.trtype = 256};
    snprintf(id.traddr, sizeof id.traddr, "%s", c->address);
    if (probe(context, &id, NULL)) attach(context, &id, c, NULL);
  }
  if (dir) closedir(dir);
  return 0;
}
int spdk_nvme_detach_async(struct ctrlr *c, void **context) {
  c->used = false;
  *context = c;
  return 0;
}
void spdk_nvme_detach_poll(void *context) { (void)context; }
void *spdk_nvme_ctrlr_get_data(struct ctrlr *c) { return c->data; }
void *spdk_nvme_ctrlr_get_pci_device(struct ctrlr *c) { return c; }
int spdk_pci_device_get_socket_id(struct ctrlr *c) { return c->address[5] >= '8' ? 1 : 0; }
const char *spdk_pci_device_get_type(struct ctrlr *c) { return c->vmd ? "vmd" : "pci"; }
uint32_t spdk_nvme_ctrlr_get_first_active_ns(struct ctrlr *c) {
  (void)c;
  return 1;
}
uint32_t spdk_nvme_ctrlr_get_next_active_ns(struct ctrlr *c, uint32_t id) {
  (void)c, (void)id;
  return 0;
}
void *spdk_nvme_ctrlr_get_ns(struct ctrlr *c, uint32_t id) { return id == 1 ? c : NULL; }
bool spdk_nvme_ctrlr_is_log_page_supported(struct ctrlr *c, uint8_t page) {
  (void)c;
  return page != 0xc5;
}
static void put(uint8_t *at, uint64_t value) { memcpy(at, &value, 8); }
int spdk_nvme_ctrlr_cmd_get_log_page(struct ctrlr *c, uint8_t page, uint32_t nsid, uint8_t *to, uint32_t size,
                                     uint64_t offset, completion done, void *arg) {
  (void)offset;
  if (nsid != 0xffffffff) return -EINVAL;
  memset(to, 0, size);
  if (page == 2) {
    to[0] = 0x02; /* temperature */
    to[1] = 0x57, to[2] = 0x01; /* 343 K */
    to[3] = 100, to[4] = 10, to[5] = 3;
    put(to + 112, 42);
    put(to + 128, 12345);
    put(to + 160, 7);
  } else if (page == 1) {
    put(to, 9);
    to[24] = 1;
  } else if (page == 3) {
    to[0] = 0x21;
    memcpy(to + 8, "VDV10170VDV10184", 16);
  } else if (page == 0xca) {
    to[0] = 0xad, to[3] = 97, to[5] = 1, to[7] = 9, to[9] = 5;
  }
  return push(c, done, arg);
}
int spdk_nvme_ctrlr_process_admin_completions(struct ctrlr *c) {
  (void)c;
  return flush();
}
void *spdk_nvme_ctrlr_alloc_io_qpair(struct ctrlr *c, const void *opts, size_t size) {
  (void)opts, (void)size;
  return c;
}
int spdk_nvme_ctrlr_free_io_qpair(void *qpair) {
  (void)qpair;
  return 0;
}
int spdk_nvme_qpair_process_completions(void *qpair, uint32_t max) {
  (void)qpair, (void)max;
  return flush();
}
uint64_t spdk_nvme_ns_get_size(struct ctrlr *c) {
  struct stat st;
  return stat(c->path, &st) ? 0 : st.st_size;
}
uint32_t spdk_nvme_ns_get_sector_size(struct ctrlr *c) {
  (void)c;
  return 512;
}
static int io(struct ctrlr *c, void *memory, uint64_t lba, uint32_t sectors, completion done, void *arg, bool write) {
  int fd = open(c->path, O_RDWR);
  if (fd < 0) return -ENXIO;
  ssize_t size = (ssize_t)sectors * 512, n;
  n = write ? pwrite(fd, memory, size, lba * 512) : pread(fd, memory, size, lba * 512);
  close(fd);
  return n == size ? push(c, done, arg) : -EIO;
}
int spdk_nvme_ns_cmd_write(struct ctrlr *c, void *q, void *memory, uint64_t lba, uint32_t n, completion done,
                           void *arg, uint32_t flags) {
  (void)q, (void)flags;
  return io(c, memory, lba, n, done, arg, true);
}
int spdk_nvme_ns_cmd_read(struct ctrlr *c, void *q, void *memory, uint64_t lba, uint32_t n, completion done,
                          void *arg, uint32_t flags) {
  (void)q, (void)flags;
  return io(c, memory, lba, n, done, arg, false);
}
int spdk_nvme_ctrlr_update_firmware(struct ctrlr *c, void *image, uint32_t size, int slot, int action, uint16_t *status) {
  char file[600];
  snprintf(file, sizeof file, "%s.fw%d-%d", c->path, slot, action);
  FILE *out = fopen(file, "w");
  if (!out || fwrite(image, 1, size, out) != size) return -EIO;
  fclose(out);
  if (slot == 7) { /* no such slot: command specific, 06h */
    *status = 6 << 1 | 1 << 9;
    return -ENXIO;
  }
  *status = 0x0b << 1 | 1 << 9; /* worked; needs a conventional reset */
  return slot == 2 ? -ENXIO : 0;
}
int spdk_vmd_init(void) {
  vmd_on = true;
  return 0;
}
void spdk_vmd_fini(void) {}
int spdk_vmd_set_led_state(struct ctrlr *c, int state) {
  if (!c->vmd) return -ENODEV;
  c->led = state;
  return 0;
}
int spdk_vmd_get_led_state(struct ctrlr *c, int *state) {
  *state = c->led;
  return c->vmd ? 0 : -ENODEV;
}

#ifdef PRINT_LAYOUT
#define O(s, f) printf("struct " #s "." #f " %zu\n", offsetof(struct s, f))
int main(void) {
  printf("struct spdk_env_opts %zu\n", sizeof(struct spdk_env_opts));
  O(spdk_env_opts, name), O(spdk_env_opts, core_mask), O(spdk_env_opts, shm_id), O(spdk_env_opts, mem_channel);
  O(spdk_env_opts, main_core), O(spdk_env_opts, mem_size), O(spdk_env_opts, no_pci);
  O(spdk_env_opts, hugepage_single_segments), O(spdk_env_opts, unlink_hugepage), O(spdk_env_opts, num_pci_addr);
  O(spdk_env_opts, hugedir), O(spdk_env_opts, pci_blocked), O(spdk_env_opts, pci_allowed);
  O(spdk_env_opts, iova_mode), O(spdk_env_opts, base_virtaddr), O(spdk_env_opts, env_context);
  printf("struct spdk_pci_addr %zu\n", sizeof(struct spdk_pci_addr));
  O(spdk_pci_addr, domain), O(spdk_pci_addr, bus), O(spdk_pci_addr, dev), O(spdk_pci_addr, func);
  O(spdk_nvme_transport_id, trstring), O(spdk_nvme_transport_id, trtype), O(spdk_nvme_transport_id, adrfam);
  O(spdk_nvme_transport_id, traddr);
  printf("status %zu of %zu\n", offsetof(struct spdk_nvme_cpl, status), sizeof(struct spdk_nvme_cpl));
  return 0;
}
#endif
