"""Uploads: query photos that are kept for a short time."""

from datetime import UTC, datetime

from flask import Response

from vitrine.api.auth import STOREFRONTS
from vitrine.api.bodies import NoBody, Upload, UploadBody
from vitrine.api.operations import Call, NoQuery, Operation, PathParameter, Reply, Routes
from vitrine.api.photos import base64_room, read_base64
from vitrine.api.services import Services
from vitrine.errors import ImageRejected, Invalid, NotFound
from vitrine.settings import Settings
from vitrine.wire import UploadIn, UploadOptions, UploadOut

routes = Routes("Uploads")

# A white square on black, of the smallest size that is taken.
_JSON_EXAMPLE = {
    "image_base64": "iVBORw0KGgoAAAANSUhEUgAAABAAAAAQAQAAAAA3iMLMAAAAFElEQVR42mNgQAL8H5gYGDARMgAA"
    "I20BDofI/jkAAAAASUVORK5CYII="
}


@routes.serve(
    Operation(
        method="POST",
        path="/v1/uploads",
        summary="Keep a query photo for a short time",
        roles=STOREFRONTS,
        query=NoQuery,
        body=UploadBody(
            part="options",
            part_model=UploadOptions,
            part_required=False,
            files="image",
            most_files=lambda settings: 1,
            json=UploadIn,
            json_room=base64_room,
            example={},
            json_example=_JSON_EXAMPLE,
        ),
        replies=(Reply(status=201, model=UploadOut, description="What was found in it."),),
        problems=(ImageRejected,),
    )
)
def create_upload(services: Services, call: Call[NoQuery, Upload[UploadOptions]]) -> UploadOut:
    """Send a form with the photo as `image`, or JSON with `image_base64`.

    It is kept small, upright and without metadata, in memory alone, for 15 minutes unless the shop
    set another time. Search by its `upload_id`, with a `crop` if wanted.
    """
    photo = _photo(call.body, services.settings)
    upload = services.uploads.keep(photo, key_id=call.caller.key_id)
    regions, model = services.looking.regions(upload.image)
    return UploadOut(
        upload_id=upload.id,
        expires_at=datetime.fromtimestamp(upload.expires_at, UTC),
        width=upload.image.width,
        height=upload.image.height,
        regions=regions,
        model=model,
    )


@routes.serve(
    Operation(
        method="DELETE",
        path="/v1/uploads/{id}",
        summary="Forget a query photo now",
        roles=STOREFRONTS,
        query=NoQuery,
        body=NoBody(),
        replies=(Reply(status=204, description="It is gone."),),
        problems=(NotFound,),
        path_parameters={
            "id": PathParameter(
                description="Id of the upload.",
                pattern="^[A-Za-z0-9_-]{22}$",
                example="x4nL0mJxq3Zr2q0bK9sVtw",
            )
        },
    )
)
def delete_upload(services: Services, call: Call[NoQuery, None]) -> Response:
    """It would be forgotten by itself; a shopper may want it sooner."""
    services.uploads.delete(call.path["id"], key_id=call.caller.key_id)
    return Response(status=204)


def _photo(upload: Upload[UploadOptions], settings: Settings) -> bytes:
    if upload.files is not None:
        return upload.files[0]
    if isinstance(upload.model, UploadIn):
        return read_base64(upload.model.image_base64, "/image_base64", settings)
    raise Invalid(
        "Send the photo as the file `image` of the form.",
        errors=[{"pointer": "/image", "detail": "is required"}],
    )
