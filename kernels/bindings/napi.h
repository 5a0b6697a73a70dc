// Error handling shared by both Node-API modules.
#pragma once
#define NAPI_VERSION 8
#include <node_api.h>

// True on success. Otherwise a JavaScript exception is pending (thrown here unless the call threw one), and the caller
// returns null.
inline bool ok(napi_env env, napi_status status) {
  if (status == napi_ok) return true;
  bool pending = false;
  napi_is_exception_pending(env, &pending);
  const napi_extended_error_info *info = nullptr;
  if (!pending && napi_get_last_error_info(env, &info) == napi_ok)
    napi_throw_error(env, nullptr, info->error_message ? info->error_message : "native call failed");
  return false;
}
