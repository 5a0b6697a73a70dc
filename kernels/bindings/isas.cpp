// A small native module that compiles in about a second: isas() → the instruction sets of this processor, fastest
// first.
#include "bindings/napi.h"
#include "bindings/processor.h"

namespace {

napi_value isas(napi_env env, napi_callback_info) {
  const std::vector<const char *> names = densor::instructionSets();
  napi_value list;
  if (!ok(env, napi_create_array(env, &list))) return nullptr;
  for (uint32_t i = 0; i < names.size(); i++) {
    napi_value text;
    if (!ok(env, napi_create_string_utf8(env, names[i], NAPI_AUTO_LENGTH, &text)) ||
        !ok(env, napi_set_element(env, list, i, text)))
      return nullptr;
  }
  return list;
}

}  // namespace

NAPI_MODULE_INIT() {
  napi_value function;
  if (!ok(env, napi_create_function(env, "isas", NAPI_AUTO_LENGTH, isas, nullptr, &function)) ||
      !ok(env, napi_set_named_property(env, exports, "isas", function)))
    return nullptr;
  return exports;
}
