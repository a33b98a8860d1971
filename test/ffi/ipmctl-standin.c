/*
 * Stands in for libipmctl in tests: two sockets with two modules each, regions and behaviour by environment.
 * Built against the real header, so layouts are the real ones.
 *   STANDIN_DIMMS    number of modules (4)
 *   STANDIN_REGIONS  number of regions (0)
 *   STANDIN_MAJOR    major version (3)
 *   STANDIN_GOALS    file that goals are appended to, one line each
 */
#include "nvm_management.h"

static int setting(const char *name, int otherwise) {
  const char *text = getenv(name);
  return text ? atoi(text) : otherwise;
}

int nvm_get_major_version(void) { return setting("STANDIN_MAJOR", 3); }
int nvm_get_version(NVM_VERSION text, const NVM_SIZE size) {
  const char *version = getenv("STANDIN_VERSION");
  snprintf(text, size, "%s", version ? version : "03.00.00.0483");
  return 0;
}
int nvm_get_number_of_devices(unsigned int *count) {
  *count = setting("STANDIN_DIMMS", 4);
  return 0;
}
int nvm_get_devices(struct device_discovery *list, const NVM_UINT8 count) {
  for (int i = 0; i < count; i++) {
    struct device_discovery *d = &list[i];
    memset(d, 0, sizeof *d);
    d->all_properties_populated = 1;
    d->physical_id = 0x20 + i;
    d->socket_id = i / 2;
    d->memory_controller_id = 1;
    d->channel_id = 2;
    d->channel_pos = 1;
    d->capacity = 540000000000ull + i;
    d->lock_state = LOCK_STATE_DISABLED;
    snprintf(d->part_number, sizeof d->part_number, "NMA1XXD512GPS");
    snprintf(d->fw_revision, sizeof d->fw_revision, "01.02.00.543%d", i);
    snprintf(d->uid, sizeof d->uid, "8089-a2-1839-%08x", i);
  }
  return 0;
}
int nvm_get_device_status(const NVM_UID uid, struct device_status *status) {
  memset(status, 0, sizeof *status);
  status->health = strcmp(uid, "8089-a2-1839-00000003") ? HEALTH_STATUS_HEALTHY : HEALTH_STATUS_CRITICAL_FAILURE;
  return strcmp(uid, "8089-a2-1839-00000002") ? 0 : NVM_ERR_OPERATION_FAILED;
}
/* As seen on a machine without PMem: an unknown error, not a count of none. */
int nvm_get_number_of_regions(NVM_UINT8 *count) {
  if (setting("STANDIN_DIMMS", 4) == 0) return 267;
  *count = setting("STANDIN_REGIONS", 0);
  return 0;
}
int nvm_get_regions(struct region *list, NVM_UINT8 *count) {
  for (int i = 0; i < *count; i++) {
    memset(&list[i], 0, sizeof list[i]);
    list[i].isetId = 0xdf287f48b8da2ccfull + i;
    list[i].type = i == 2 ? 2 : 1;
    list[i].capacity = 1ull << 40;
    list[i].free_capacity = i ? 0 : 1ull << 40;
    list[i].socket_id = i;
    list[i].dimm_count = 2;
    list[i].health = i == 1 ? 2 : 1;
  }
  return 0;
}
static int record(const char *what, NVM_UID *uids, NVM_UINT32 count) {
  const char *file = getenv("STANDIN_GOALS");
  FILE *out = file ? fopen(file, "a") : NULL;
  if (!out) return NVM_ERR_OPERATION_FAILED;
  for (NVM_UINT32 i = 0; i < count; i++) fprintf(out, "%s %s\n", what, uids[i]);
  fclose(out);
  return 0;
}
int nvm_create_config_goal(NVM_UID *uids, NVM_UINT32 count, struct config_goal_input *goal) {
  char what[64];
  snprintf(what, sizeof what, "create type %d volatile %u labels %d.%d", goal->persistent_mem_type,
           goal->volatile_percent, goal->namespace_label_major, goal->namespace_label_minor);
  return record(what, uids, count);
}
int nvm_get_config_goal(NVM_UID *uids, NVM_UINT32 count, struct config_goal *goals) {
  if (!getenv("STANDIN_GOALS")) return NVM_ERR_REGION_NO_GOAL_EXISTS_ON_DIMM;
  for (NVM_UINT32 i = 0; i < count; i++) {
    memset(&goals[i], 0, sizeof goals[i]);
    memcpy(goals[i].dimm_uid, uids[i], sizeof goals[i].dimm_uid);
    goals[i].socket_id = i / 2;
    goals[i].appdirect_size[0] = 250;
    goals[i].appdirect_size[1] = 2;
    goals[i].status = CONFIG_GOAL_STATUS_NEW;
  }
  return 0;
}
int nvm_delete_config_goal(NVM_UID *uids, NVM_UINT32 count) { return record("delete", uids, count); }
int nvm_get_device_fw_image_info(const NVM_UID uid, struct device_fw_info *info) {
  memset(info, 0, sizeof *info);
  snprintf(info->active_fw_revision, sizeof info->active_fw_revision, "01.02.00.5435");
  snprintf(info->staged_fw_revision, sizeof info->staged_fw_revision, "%s",
           strcmp(uid, "8089-a2-1839-00000000") ? "01.02.00.5446" : "00.00.00.0000");
  info->FWImageMaxSize = 73;
  info->fw_update_status = FW_UPDATE_STAGED;
  return 0;
}
int nvm_update_device_fw(const NVM_UID uid, const NVM_PATH path, const NVM_SIZE length, const NVM_BOOL force) {
  if (strlen(path) != length) return NVM_ERR_INVALID_PARAMETER;
  return force ? NVM_SUCCESS_REQUIRES_POWER_CYCLE : NVM_ERR_FIRMWARE_TOO_LOW_FORCE_REQUIRED;
}
