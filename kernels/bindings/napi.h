// What both Node-API modules use of Node.
#pragma once
#define NAPI_VERSION 8
#include <node_api.h>

// A failed call leaves a JavaScript exception pending (thrown here unless the call did): the caller returns null.
inline bool ok(napi_env env, napi_status status) {
  if (status == napi_ok) return true;
  bool pending = false;
  napi_is_exception_pending(env, &pending);
  const napi_extended_error_info *info = nullptr;
  if (!pending && napi_get_last_error_info(env, &info) == napi_ok)
    napi_throw_error(env, nullptr, info->error_message ? info->error_message : "native call failed");
  return false;
}
