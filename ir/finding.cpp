// The names reports give to finding codes.
#include "ir/finding.h"

namespace nodec {

std::string_view name(FindingCode code) {
  switch (code) {
    case FindingCode::Boxed:
      return "boxed";
    case FindingCode::DtypeChange:
      return "dtype-change";
    case FindingCode::ShapeChange:
      return "shape-change";
    case FindingCode::StructureChange:
      return "structure-change";
    case FindingCode::CarryChange:
      return "carry-change";
  }
  return "unknown";
}

}  // namespace nodec
