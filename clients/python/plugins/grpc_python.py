"""A generator plugin that writes what no published one writes for `buf generate`.

That is the stub module (grpc_tools builds it in, where buf cannot call it) and the files that make a package of the
output: `__init__.py` in each folder, and `py.typed`, by which type checkers believe the .pyi files beside it.
"""

import sys
import tempfile
from pathlib import Path, PurePosixPath

from google.protobuf.compiler.plugin_pb2 import CodeGeneratorRequest, CodeGeneratorResponse
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from grpc_tools import protoc

PACKAGE_TEXT = '"""Generated from proto/{folder}: do not edit."""\n'


def main() -> None:
    request = CodeGeneratorRequest.FromString(sys.stdin.buffer.read())
    response = CodeGeneratorResponse(
        supported_features=CodeGeneratorResponse.FEATURE_PROTO3_OPTIONAL,
        file=[*stub_files(request), *package_files(request)],
    )
    sys.stdout.buffer.write(response.SerializeToString(deterministic=True))


def stub_files(request: CodeGeneratorRequest) -> list[CodeGeneratorResponse.File]:
    with tempfile.TemporaryDirectory() as folder:
        descriptors = Path(folder, "descriptors.binpb")
        descriptors.write_bytes(FileDescriptorSet(file=request.proto_file).SerializeToString())
        output = Path(folder, "output")
        output.mkdir()
        options = [f"--descriptor_set_in={descriptors}", f"--grpc_python_out={output}"]
        if protoc.main(["protoc", *options, *request.file_to_generate]) != 0:
            sys.exit("grpc_tools could not generate the stubs")
        return [
            CodeGeneratorResponse.File(name=path.relative_to(output).as_posix(), content=path.read_text("utf-8"))
            for path in sorted(output.rglob("*.py"))
        ]


def package_files(request: CodeGeneratorRequest) -> list[CodeGeneratorResponse.File]:
    folders = {folder for name in request.file_to_generate for folder in PurePosixPath(name).parents if folder.name}
    packages = [
        CodeGeneratorResponse.File(name=f"{folder}/__init__.py", content=PACKAGE_TEXT.format(folder=folder))
        for folder in sorted(folders)
    ]
    roots = sorted({folder.parts[0] for folder in folders})
    # One line, because an empty file is no file to some versions of buf. It has no meaning to a type checker.
    return packages + [CodeGeneratorResponse.File(name=f"{root}/py.typed", content="\n") for root in roots]


main()
