/* SPDX-License-Identifier: MIT
 *
 * handwritten.c: the baseline of the benchmarks. The atomic types as an expert writes them against the C API,
 * for speed alone. One file a type.
 */
#include "handwritten.h"

static int module_exec(PyObject *module)
{
    PyTypeObject *types[] = {&Counter_Type, &Unsigned_Type, &Flag_Type, &Float_Type, &Ref_Type, &Array_Type};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (PyModule_AddType(module, types[i]) < 0) {
            return -1;
        }
    }
    return 0;
}

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, (void *)module_exec},
#if PY_VERSION_HEX >= 0x030D0000
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "handwritten",
    .m_doc = "The baseline of atomicpy's benchmarks.",
    .m_slots = module_slots,
};

PyMODINIT_FUNC PyInit_handwritten(void) { return PyModuleDef_Init(&module); }
